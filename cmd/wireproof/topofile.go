package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet/importer"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/scenarios"
)

// topoFlags name a topology of the user's own.
type topoFlags struct {
	path, name string
}

func (f *topoFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.path, "topo", "", "file with a topology in place of a part's: a Mininet script (.py), or JSON as import and export write it")
	c.Flags().StringVar(&f.name, "name", "", "which topology of a script that has several, with arguments as mn --topo has them")
}

// read reads the file, and tells on w what of a script is not represented.
func (f *topoFlags) read(ctx context.Context, w io.Writer) (topo.Topo, error) {
	if strings.EqualFold(filepath.Ext(f.path), ".json") {
		return readTopo(f.path)
	}
	r, err := importScript(ctx, w, f.path, importer.Options{Name: f.name})
	return r.Topo, err
}

// importScript imports a script as the user who called, also behind sudo.
func importScript(ctx context.Context, w io.Writer, script string, o importer.Options) (importer.Result, error) {
	if uid, gid, ok := behindSudo(); ok {
		o.User = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	r, err := importer.Import(ctx, script, o)
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	var failed *importer.ScriptError
	if errors.As(err, &failed) && failed.Output != "" {
		fmt.Fprintf(w, "%s printed:\n%s\n", script, strings.TrimSpace(failed.Output))
	}
	if err != nil {
		return r, usage("%w", err)
	}
	return r, nil
}

func readTopo(path string) (topo.Topo, error) {
	var t topo.Topo
	file, err := os.Open(path)
	if err != nil {
		return t, usage("--topo %s: %w: name a file that can be read", path, cause(err))
	}
	defer file.Close()
	d := json.NewDecoder(file)
	d.DisallowUnknownFields() // a slip of the pen is no parameter of zero
	if err := d.Decode(&t); err != nil {
		return t, usage("--topo %s: %w: see wireproof export k --to json for one", path, err)
	}
	if t.Name == "" {
		t.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	if err := t.Validate(); err != nil {
		return t, usage("--topo %s: %w", path, err)
	}
	return t, nil
}

// fileTopo is the file's topology with the changes that the flags make to it.
func (p *paramFlags) fileTopo(c *cobra.Command, args []string) (topo.Topo, error) {
	custom, params, err := p.customValues(c, args)
	if err != nil {
		return topo.Topo{}, err
	}
	custom.Servers = []string{custom.Topo.Hosts[0].Name} // who serves plays no part in it
	chosen, err := custom.Scenarios(params)
	if err != nil {
		return topo.Topo{}, err
	}
	return chosen[0].Topo, nil
}

// custom returns the scenarios of the file's topology.
func (p *paramFlags) custom(c *cobra.Command, args []string) ([]scenarios.Scenario, error) {
	custom, params, err := p.customValues(c, args)
	if err != nil {
		return nil, err
	}
	if err := p.socket.check(p.given); err != nil {
		return nil, err
	}
	return custom.Scenarios(params)
}

// customValues parts --server and --client into hosts of the topology, and models and modes.
func (p *paramFlags) customValues(c *cobra.Command, args []string) (scenarios.Custom, scenarios.Params, error) {
	var custom scenarios.Custom
	var params scenarios.Params
	if len(args) > 0 {
		return custom, params, usage("%s --topo %s takes no part, and got %q: name one or the other", c.Name(), p.file.path, args[0])
	}
	t, err := p.file.read(c.Context(), c.ErrOrStderr())
	if err != nil {
		return custom, params, err
	}
	custom.Topo, custom.File = t, p.file.path
	split := func(words []string, other func(string) error) (hosts, others []string) {
		for _, word := range words {
			if _, isHost := t.HostAddr(word); !isHost && other(word) == nil {
				others = append(others, word)
			} else {
				hosts = append(hosts, word)
			}
		}
		return hosts, others
	}
	q := *p
	custom.Servers, q.models = split(p.models, func(s string) error { _, err := peers.ParseModel(s); return err })
	custom.Clients, q.clients = split(p.clients, func(s string) error { _, err := peers.ParseMode(s); return err })
	params, err = q.params(nil)
	return custom, params, err
}
