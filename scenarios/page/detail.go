package page

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/wireproof/wireproof/harness/flow/series"
)

// A detail is a connection with everything that is drawn of it.
type detail struct {
	Number                 int
	Client, Server         string // host names
	ClientAddr, ServerAddr string
	connection
	Size, Lasted string
	Plots        []plot
	Rungs        []rung
	Left         int // rungs that are not shown
	Capture      string
	Commands     []command
	Open         bool
}

type command struct{ What, Text string }

func (r *result) details(drawn map[int]*series.Connection, numbers map[string]int) []detail {
	var all []detail
	for i, c := range r.Connections[:min(len(r.Connections), maxPlotted)] {
		s := drawn[i]
		d := detail{
			Number: i + 1, Client: r.host(c.Client), Server: r.host(c.Server), ClientAddr: c.Client, ServerAddr: c.Server, connection: c,
			Size: size(c.BytesToClient), Lasted: seconds(c.Last.Sub(c.First)), Open: i < openDetails,
		}
		d.Rungs, d.Left = ladder(c, s)
		if at, ok := r.captureOf(c.Server); ok {
			d.Capture = r.kept(at.Path)
			d.Commands = tsharkCommands(d.Capture, r.only(at), c)
		}
		if s != nil {
			var marks []chartMark
			for _, f := range c.Found {
				marks = append(marks, chartMark{f.Time.Sub(s.First), fmt.Sprint(numbers[f.Name]), fmt.Sprintf("file %d, %s, begins", numbers[f.Name], f.Name)})
			}
			d.Plots = plots(s, spread(marks, s))
		}
		all = append(all, d)
	}
	return all
}

// spread leaves out marks that would stand upon each other.
func spread(marks []chartMark, s *series.Connection) []chartMark {
	span := s.Last.Sub(s.First)
	var kept []chartMark
	for _, m := range marks {
		if n := len(kept); n == 0 || float64(m.at-kept[n-1].at) > .02*float64(span) {
			kept = append(kept, m)
		}
	}
	return kept
}

// only is the interface that a filter has to name, since the capture's file has others; else "".
func (r *result) only(at capture) string {
	for _, c := range r.Captures {
		if c.Path == at.Path && c.Interface != at.Interface {
			return at.Interface
		}
	}
	return ""
}

// tsharkCommands show in a terminal what the plots show.
func tsharkCommands(file, only string, c connection) []command {
	client, err := netip.ParseAddrPort(c.Client)
	if err != nil {
		return nil
	}
	server, err := netip.ParseAddrPort(c.Server)
	if err != nil {
		return nil
	}
	ip := "ip"
	if client.Addr().Is6() {
		ip = "ipv6"
	}
	filter := fmt.Sprintf("%s.addr==%s && tcp.port==%d && tcp.port==%d", ip, client.Addr(), client.Port(), server.Port())
	read := "tshark -r " + quoted(file)
	if only != "" {
		// tshark takes a packet's appearance at each interface for a retransmission, so the others have to go first.
		read += " -Y " + quoted("frame.interface_name=="+strconv.Quote(only)) + " -w - | tshark -r -"
	}
	return []command{
		{"packets", read + " -Y '" + filter + "'"},
		{"throughput", read + " -q -z 'io,stat,0.1," + filter + " && tcp.len>0'"},
		{"time and sequence", read + " -Y '" + filter + "' -T fields -e frame.time_relative -e tcp.srcport -e tcp.seq -e tcp.len -e tcp.ack"},
		{"sent again", read + " -Y '" + filter + " && tcp.analysis.retransmission'"},
		{"round trip", read + fmt.Sprintf(" -Y '%s && tcp.srcport==%d' -T fields -e frame.time_relative -e tcp.analysis.ack_rtt", filter, client.Port())},
	}
}
