// A real memberlist node, set up as MetalLB's speakers set theirs up, for the tests to talk to.
//
// Standard input takes one command a line: "join ADDRESS:PORT", "leave", "members", "health". Standard output answers
// in JSON, one object a line, with the events of the ring in between. The library's log goes to standard error.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var output sync.Mutex

func say(fields map[string]any) {
	output.Lock()
	defer output.Unlock()
	fields["atMs"] = time.Now().UnixMilli()
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

type events struct{}

func (events) event(what string, node *memberlist.Node) {
	say(map[string]any{"event": what, "node": node.Name, "address": node.Address()})
}
func (e events) NotifyJoin(node *memberlist.Node)   { e.event("join", node) }
func (e events) NotifyLeave(node *memberlist.Node)  { e.event("leave", node) }
func (e events) NotifyUpdate(node *memberlist.Node) { e.event("update", node) }
func (e events) NotifyConflict(existing, other *memberlist.Node) {
	say(map[string]any{"event": "conflict", "node": existing.Name, "address": other.Address()})
}

func main() {
	name := flag.String("name", "", "name in the ring")
	bind := flag.String("bind", "127.0.0.1", "address to bind")
	port := flag.Int("port", 0, "port to bind; 0 picks one")
	key := flag.String("key", "", "AES key in hex; empty: not encrypted")
	label := flag.String("label", "", "label of the ring")
	pushPull := flag.Duration("push-pull", 30*time.Second, "time between full syncs")
	compress := flag.Bool("compress", true, "compress messages")
	flag.Parse()

	config := memberlist.DefaultLANConfig()
	config.Name = *name
	config.BindAddr = *bind
	config.BindPort = *port
	config.AdvertisePort = *port
	config.Label = *label
	config.PushPullInterval = *pushPull
	config.EnableCompression = *compress
	config.Events = events{}
	config.Conflict = events{}
	config.LogOutput = os.Stderr
	if *key != "" {
		secret, err := hex.DecodeString(*key)
		if err != nil {
			fail(err)
		}
		config.SecretKey = secret
	}
	list, err := memberlist.Create(config)
	if err != nil {
		fail(err)
	}
	say(map[string]any{"event": "started", "port": list.LocalNode().Port})

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "join":
			joined, err := list.Join([]string{argument})
			say(map[string]any{"answer": "join", "joined": joined, "error": text(err)})
		case "leave":
			err := list.Leave(time.Second)
			say(map[string]any{"answer": "leave", "error": text(err)})
		case "members":
			names := []string{}
			for _, member := range list.Members() {
				names = append(names, member.Name)
			}
			say(map[string]any{"answer": "members", "members": names})
		case "health":
			say(map[string]any{"answer": "health", "score": list.GetHealthScore()})
		}
	}
	list.Shutdown()
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
