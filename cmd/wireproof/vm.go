package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/vm"
)

// The exit statuses of vm itself, as timeout(1) and shells have them.
const (
	statusDeadline    = 124
	statusInterrupted = 130
)

var errDeadline = errors.New("deadline")

func vmCommand() *cobra.Command {
	var (
		memory, log string
		timeout     time.Duration
		o           vm.Options
	)
	c := &cobra.Command{
		Use:   "vm [flags] -- COMMAND [ARGUMENT…]",
		Short: "runs a command as root of a kernel of its own, without root",
		Long: "vm boots user-mode-linux on the host's files, runs a command there as root, and ends with it. It needs neither root nor KVM,\n" +
			"and its kernel has netem, bridges, tun and Open vSwitch. The command sees the caller's folder and environment; /tmp, /run and\n" +
			"where daemons write are the guest's own, and go with it; the host's are below /run/host there.\n\n" +
			"Exit status: the command's; 128 and the signal where one ended it; 124 after the deadline; 130 when interrupted; 2 where the machine cannot.",
		Example: "  wireproof vm -- wireproof run h i --engine netem\n  go test -exec \"wireproof vm --\" ./harness/...\n  wireproof vm --openvswitch -- wireproof run e --backend mininet\n  wireproof vm --mem 4G -- bash",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("vm: name a command: wireproof vm -- uname -a")
			}
			var err error
			if o.Memory, err = vm.ParseMemory(memory); err != nil {
				return usage("--mem: %w", err)
			}
			ctx := c.Context()
			switch {
			case c.Flags().Changed("timeout") && timeout <= 0:
				return usage("--timeout %v: a command takes some time, such as 5m", timeout)
			case timeout > 0:
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeoutCause(ctx, timeout, errDeadline)
				defer cancel()
			}
			if log != "" {
				f, err := os.Create(log)
				if err != nil {
					return usage("--kernel-log: %w", err)
				}
				defer f.Close()
				o.Log = f
			}
			o.Command = args
			o.Stdin, o.Stdout, o.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			result, err := vm.Run(ctx, o)
			if result.OutOfMemory != "" {
				fmt.Fprintf(c.ErrOrStderr(), "wireproof: vm: the guest ran out of its %s (%s): give it more with --mem\n", memory, result.OutOfMemory)
			}
			switch {
			case err == nil && result.Status == 0:
				return nil
			case err == nil:
				return &exit{status: result.Status}
			case errors.Is(err, errDeadline):
				return &exit{status: statusDeadline, cause: fmt.Errorf("vm: the command was ended after %v: allow it longer with --timeout", timeout)}
			case c.Context().Err() != nil:
				return &exit{status: statusInterrupted, cause: errors.New("vm: interrupted")}
			}
			return fmt.Errorf("vm: %w", err)
		},
	}
	f := c.Flags()
	f.SetInterspersed(false) // what follows the command's name is the command's
	f.StringVar(&memory, "mem", "2G", "the guest's memory; the host gives what the guest comes to use")
	f.DurationVar(&timeout, "timeout", 0, "longest time of the command, with the boot (default: none)")
	f.StringArrayVar(&o.Share, "share", nil, "a folder or file below /tmp or /run that the guest is to see; its program's and its arguments' are seen anyway")
	f.BoolVar(&o.OpenVSwitch, "openvswitch", false, "start Open vSwitch in the guest first (it has to be installed on the host)")
	f.StringVar(&log, "kernel-log", "", "write what the guest's kernel prints to this file")
	return c
}
