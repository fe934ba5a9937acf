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
		limits                         peers.Limits
		socket                         socketFlags
	)
	c := &cobra.Command{
		Use:     "serve",
		Short:   "serves the files of a folder",
		Example: "  wireproof serve --files ~/books\n  wireproof serve --files ~/books --model fork --port 8000 --address 192.0.2.1",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg := peers.ServeConfig{
				Listen: net.JoinHostPort(address, strconv.Itoa(port)), Buffer: socket.buffer, Socket: socket.options(), Limits: limits,
			}
			var err error
			if cfg.Model, err = peers.ParseModel(model); err != nil {
				return usage("--model: %w", err)
			}
			if cfg.Dialect, err = protocol.ParseDialect(dialect); err != nil {
				return usage("--dialect: %w", err)
			}
			folder, err := scenarios.Folder(files)
			if err != nil {
				return err
			}
			cfg.Dir = folder.Dir
			fmt.Fprintf(c.ErrOrStderr(), "serving %d files of %s on %s, %s dialect, %s model; end with Ctrl-C\n",
				len(folder.Names), folder.Dir, cfg.Listen, cfg.Dialect, cfg.Model)
			return failed(peers.RunServe(c.Context(), cfg, os.Stderr))
		},
	}
	f := c.Flags()
	f.StringVar(&files, "files", ".", "folder to serve; only the files in it, not below it")
	f.StringVar(&address, "address", "", "address to listen on (default: all)")
	f.IntVar(&port, "port", protocol.DefaultPort, "TCP port")
	f.StringVar(&model, "model", string(peers.Thread), "sequential, thread, or fork (a process for each connection)")
	f.StringVar(&dialect, "dialect", string(protocol.Stream), "stream, or lockstep as the original programs speak it")
	f.IntVar(&limits.MaxConns, "max-connections", 0, "connections at once; more wait (default 1024)")
	f.DurationVar(&limits.Idle, "idle-timeout", 0, "end a connection without progress after this long (default 30s)")
	socket.add(c)
	return c
}
