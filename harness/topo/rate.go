package topo

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// A BitRate is a rate in bits per second. In JSON it is a number.
type BitRate int64

// The units are the decimal ones of the wire and of tc(8), not powers of two.
const (
	Bit  BitRate = 1
	Kbit         = 1000 * Bit
	Mbit         = 1000 * Kbit
	Gbit         = 1000 * Mbit
)

var rateUnits = []struct {
	name string
	rate BitRate
}{{"Gbit", Gbit}, {"Mbit", Mbit}, {"kbit", Kbit}, {"bit", Bit}}

// String returns the rate in the largest unit that it fills, exactly: "1Gbit",
// "2.5Mbit", "0bit". ParseBitRate reads it back.
func (r BitRate) String() string {
	for _, u := range rateUnits {
		if r/u.rate == 0 && u.rate != Bit {
			continue
		}
		whole, rest := r/u.rate, r%u.rate
		s := strconv.FormatInt(int64(whole), 10)
		if rest != 0 {
			if rest < 0 {
				rest = -rest
			}
			digits := len(strconv.FormatInt(int64(u.rate), 10)) - 1
			s += "." + strings.TrimRight(fmt.Sprintf("%0*d", digits, rest), "0")
		}
		return s + u.name
	}
	return "" // not reached: the last unit takes every rate
}

// ParseBitRate reads a rate such as "10Mbit", "1.5 Gbit/s", "250k" or "1000"
// (bit/s), in any case. It refuses "bps" and its kin, which mean bytes to tc and
// bits to everyone else, negative rates, and rates that are no whole number of bit/s.
func ParseBitRate(s string) (BitRate, error) {
	bad := func(why string) (BitRate, error) {
		return 0, fmt.Errorf("rate %q: %s: write it like 10Mbit, 2.5Gbit or 250kbit", s, why)
	}
	text := strings.TrimSpace(s)
	split := strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
	number, unit := text, ""
	if split >= 0 {
		number, unit = text[:split], text[split:]
	}
	scale, ok := map[string]BitRate{
		"": Bit, "bit": Bit, "k": Kbit, "kbit": Kbit, "m": Mbit, "mbit": Mbit, "g": Gbit, "gbit": Gbit,
	}[strings.TrimSuffix(strings.ToLower(strings.TrimSpace(unit)), "/s")]
	if !ok {
		return bad(fmt.Sprintf("unknown unit %q", unit))
	}
	if len(number) > 40 {
		return bad("too many digits")
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return bad("not a number")
	}
	value.Mul(value, new(big.Rat).SetInt64(int64(scale)))
	if !value.IsInt() {
		return bad("not a whole number of bit/s")
	}
	if value.Num().Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return bad("too large")
	}
	return BitRate(value.Num().Int64()), nil
}
