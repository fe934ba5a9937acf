package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wireproof/wireproof/scenarios/page"
)

// keep writes report.json beside the captures.
func keep(dir string, r Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: report: %w", r.Name(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("%s: report: %w", r.Name(), err)
	}
	return nil
}

// drawPage makes the page of the report and the captures. A run that was cut short has one too.
func drawPage(ctx context.Context, dir string, r Report) error {
	if err := page.Make(context.WithoutCancel(ctx), dir); err != nil {
		return fmt.Errorf("%s: %w", r.Name(), err)
	}
	return nil
}
