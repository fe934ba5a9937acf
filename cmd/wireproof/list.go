package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wireproof/wireproof/scenarios"
)

func listCommand() *cobra.Command {
	var asJSON, rows bool
	c := &cobra.Command{
		Use:   "list",
		Short: "lists the parts, their variants, and the recipes of the cookbook",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := scenarios.Select([]string{"all"}, scenarios.Params{})
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return listJSON(c.OutOrStdout(), all)
			case rows:
				for _, s := range all {
					fmt.Fprintln(c.OutOrStdout(), s.Name())
				}
				return nil
			}
			return listTable(c.OutOrStdout(), all)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "every scenario as JSON")
	c.Flags().BoolVar(&rows, "scenarios", false, "every scenario's name, one a line")
	return c
}

func listTable(w io.Writer, all []scenarios.Scenario) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PART\tVARIANTS\tMODELS\tCHANGE\tWHAT IT IS")
	for _, part := range scenarios.Parts() {
		var variants, models []string
		for _, s := range all {
			if s.Part != part.Name {
				continue
			}
			variants, models = addNew(variants, s.Variant), addNew(models, string(s.Model))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", part.Name, strings.Join(variants, " "), strings.Join(models, " "), part.Variable, part.Title)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := io.WriteString(w, wrapLast(b.String(), terminalWidth(w), "WHAT IT IS")); err != nil {
		return err
	}
	return recipeTable(w)
}

// recipeTable lists the cookbook.
func recipeTable(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RECIPE\tWHAT IT IS")
	for _, r := range scenarios.Cookbook() {
		fmt.Fprintf(t, "%s\t%s\n", r.Name, r.Title)
	}
	fmt.Fprintf(t, "%s\tall of these; docs/cookbook.md describes them\n", scenarios.CookbookName)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+wrapLast(b.String(), terminalWidth(w), "WHAT IT IS"))
	return err
}

func addNew(list []string, s string) []string {
	for _, old := range list {
		if old == s {
			return list
		}
	}
	return append(list, s)
}

func listJSON(w io.Writer, all []scenarios.Scenario) error {
	type row struct {
		Name        string `json:"name"`
		Part        string `json:"part"`
		Variant     string `json:"variant"`
		Dialect     string `json:"dialect"`
		ServerModel string `json:"server_model"`
		ClientMode  string `json:"client_mode"`
		Title       string `json:"title"`
	}
	rows := make([]row, len(all))
	for i, s := range all {
		rows[i] = row{s.Name(), s.Part, s.Variant, string(s.Dialect), string(s.Model), s.ClientMode(), s.Title}
	}
	return writeJSON(w, rows)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
