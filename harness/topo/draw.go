package topo

// Draw returns a drawing of t for a terminal with UTF-8, ending in a newline.
func (t Topo) Draw() string { return t.Name + "\n" }
