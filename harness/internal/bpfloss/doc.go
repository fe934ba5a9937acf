// Package bpfloss loses packets inside the kernel: a program of the traffic control's clsact hook counts the packets of
// one direction of a link and drops those that a key, or a list, says.
//
//	h1 --- h1-eth0 ========= h2-eth0 -[ program ]- h2       what h1 sends to h2
//
// The packet with index i is lost exactly where package impair loses it: the program computes the same formula over the
// same key, and counts the same packets (impair.Counted). It is written in the kernel's instructions with cilium/ebpf's
// assembler: no compiler is needed to build this, and none to run it.
//
// It belongs at the ingress of the receiving end. At the sender's egress TCP still has frames of up to 64 KB, whatever
// ethtool -K says (they are cut behind the hook and behind the queueing discipline: net/core/dev.c, validate_xmit_skb), so
// that one decision strikes twenty segments; and a drop there is told to the sender's TCP, which is no loss on a wire.
// At the ingress one decision is one wire packet if segmentation offload of the sending end and receive offload (GRO) of
// this one are off. Stats.Exact says whether it was so.
//
// Captures of the receiving interface are taken before this hook (net/core/dev.c, __netif_receive_skb_core), and so show
// packets which are lost behind them. With Config.Egress the hook is the sending interface's: behind a switch
// port, which forwards frames as they are on the wire, that is as exact, and the capture behind it shows what arrives.
//
// It needs Linux 5.12 (atomic fetch-and-add in BPF), with CONFIG_BPF_SYSCALL, CONFIG_NET_SCH_INGRESS and
// CONFIG_NET_CLS_BPF, and CAP_SYS_ADMIN, or CAP_BPF with CAP_NET_ADMIN.
package bpfloss
