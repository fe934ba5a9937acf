package vm

import (
	"encoding/json"
	"fmt"
	"os"
)

// A config is what Run tells the guest's process 1, in a file that the guest sees by hostfs.
type config struct {
	Command []string `json:"command"`
	Dir     string   `json:"dir"`     // where the command starts, and what must be seen there
	Env     []string `json:"env"`     // the command's environment
	Program string   `json:"program"` // this program, as the host names it: the guest's modprobe
	Modules string   `json:"modules"` // the folder of the guest's modules, one folder for each kernel release
	Share   []string `json:"share"`   // paths that have to be the host's, also below a tmpfs
	Host    string   `json:"host"`    // the host's name

	OpenVSwitch bool `json:"openvswitch"` // start it first

	// Terminal says which of standard input, output and error are a terminal of Rows by Columns.
	Terminal [3]bool `json:"terminal"`
	Rows     uint16  `json:"rows"`
	Columns  uint16  `json:"columns"`
}

func readConfig(name string) (config, error) {
	var c config
	text, err := os.ReadFile(name)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func (c config) write(name string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}
