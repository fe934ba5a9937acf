package main

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
	"github.com/wireproof/wireproof/scenarios"
)

func serveCommand() *cobra.Command {
	var (
		address, files, model, dialect string
		port                           int
		books                          bool
		limits                         peers.Limits
		socket                         socketFlags
	)
	c := &cobra.Command{
		Use:     "serve",
		Short:   "serves the files of a folder",
		Example: "  wireproof serve --files ~/books\n  wireproof serve --files ~/books --model fork --port 8000 --address 192.0.2.1",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg := peers.ServeConfig{
				Listen: net.JoinHostPort(address, strconv.Itoa(port)), Buffer: socket.buffer, Socket: socket.options(), Limits: limits,
			}
			err := socket.check(c.Flags())
			if err != nil {
				return err
			}
			switch {
			case port < 0 || port > maxPort:
				return usage("--port %d: a port is 1 to %d, or 0 for any that is free", port, maxPort)
			case c.Flags().Changed("max-connections") && limits.MaxConns < 1:
				return usage("--max-connections %d: a server takes at least 1 connection", limits.MaxConns)
			}
			if cfg.Model, err = peers.ParseModel(model); err != nil {
				return usage("--model: %w", err)
			}
			if cfg.Dialect, err = protocol.ParseDialect(dialect); err != nil {
				return usage("--dialect: %w", err)
			}
			if books {
				if c.Flags().Changed("files") {
					return usage("--novels and --files: one or the other")
				}
				if files, err = os.MkdirTemp("", "wireproof-novels-"); err != nil {
					return err
				}
				defer os.RemoveAll(files)
				if _, err := scenarios.Novels(files); err != nil {
					return err
				}
			}
			folder, err := scenarios.Folder(files)
			if err != nil {
				return err
			}
			cfg.Dir = folder.Dir
			// That it listens is for the log to say: it may not come to that.
			fmt.Fprintf(c.ErrOrStderr(), "%d %s in %s; Ctrl-C ends the server\n", len(folder.Names), plural(len(folder.Names), "file"), folder.Dir)
			return failed(peers.RunServe(c.Context(), cfg, os.Stderr))
		},
	}
	f := c.Flags()
	f.StringVar(&files, "files", ".", "folder to serve; only the files in it, not below it")
	f.BoolVar(&books, "novels", false, "serve the five novels, from a folder that goes with the server")
	f.StringVar(&address, "address", "", "address to listen on (default: all)")
	f.IntVar(&port, "port", protocol.DefaultPort, "TCP port")
	f.StringVar(&model, "model", string(peers.Thread), "sequential, thread, or fork (a process for each connection)")
	f.StringVar(&dialect, "dialect", string(protocol.Stream), "stream, or lockstep as the original programs speak it")
	f.IntVar(&limits.MaxConns, "max-connections", 0, "connections at once; more wait (default 1024)")
	f.DurationVar(&limits.Idle, "idle-timeout", 0, "end a connection without progress after this long (default 30s)")
	socket.add(c)
	return c
}
