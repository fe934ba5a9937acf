package vm

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A memoryPlace is a folder in which the file that is the guest's memory could be. User-mode-linux makes it there,
// removes its name, and maps it, also to execute from it.
type memoryPlace struct {
	dir     string
	free    int64
	noexec  bool
	inTmpfs bool
}

func measure(dir string) (memoryPlace, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return memoryPlace{}, err
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return memoryPlace{}, err
	}
	return memoryPlace{
		dir: dir, free: int64(s.Bavail) * s.Bsize, //nolint:unconvert // a type that differs between architectures
		noexec: s.Flags&unix.ST_NOEXEC != 0, inTmpfs: s.Type == unix.TMPFS_MAGIC,
	}, nil
}

// memoryFolder chooses where the guest's memory is: the first place that has room for all of it, so that the guest is not
// ended by a full file system halfway. In a container /dev/shm often has 64 MB, and may not be executed from.
func memoryFolder(memory int64) (string, error) {
	var why []string
	seen := []string{}
	for _, dir := range []string{"/dev/shm", os.TempDir(), "/var/tmp", "/tmp"} {
		if slices.Contains(seen, dir) {
			continue
		}
		seen = append(seen, dir)
		p, err := measure(dir)
		switch {
		case err != nil:
			why = append(why, fmt.Sprintf("%s: %v", dir, err))
		case p.noexec:
			why = append(why, dir+" is mounted noexec")
		case p.free < memory:
			why = append(why, fmt.Sprintf("%s has %s free", dir, size(p.free)))
		default:
			if available := memoryAvailable(); p.inTmpfs && available < memory {
				return "", fmt.Errorf("%w: the guest is to have %s, and %s are available: ask for less with --mem", ErrMemory, size(memory), size(available))
			}
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w: no folder takes %s for the guest's memory: %s: ask for less with --mem, or set TMPDIR to a folder that can (docker run --shm-size=4g)",
		ErrMemory, size(memory), strings.Join(why, "; "))
}

// memoryAvailable is what processes can still have: the machine's MemAvailable (proc_meminfo(5)), or less where the
// control group that one sees as the root has a limit.
func memoryAvailable() int64 {
	available := int64(1) << 62
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
				if kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64); err == nil {
					available = kb << 10
				}
			}
		}
	}
	number := func(name string) (int64, bool) {
		text, err := os.ReadFile("/sys/fs/cgroup/" + name)
		if err != nil {
			return 0, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return n, err == nil
	}
	if most, ok := number("memory.max"); ok {
		used, _ := number("memory.current")
		available = min(available, most-used)
	}
	return available
}

// size is a number of bytes as people write it.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) + " GiB"
	}
	return strconv.FormatInt(n>>20, 10) + " MiB"
}

// ParseMemory reads an amount of memory: "2G", "512M", "1048576K".
func ParseMemory(s string) (int64, error) {
	units := map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
	text := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(s)), "B"), "I")
	if len(text) > 1 {
		if unit, ok := units[text[len(text)-1:]]; ok {
			if n, err := strconv.ParseFloat(text[:len(text)-1], 64); err == nil && n > 0 && n < 1<<20 {
				return int64(n * float64(unit)), nil
			}
		}
	}
	return 0, fmt.Errorf("memory %q: write a number and a unit, such as 512M or 2G", s)
}
