// Command argocd holds the parts of Argo CD that sync an application, in one binary.
//
// The name it is started under picks the part. Two names are stand-ins of ours: "redis" keeps Argo CD's
// cache in memory, and "git-verify-wrapper.sh", which the repo-server runs for every commit, verifies nothing.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alicebob/miniredis/v2"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	askpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
)

func main() {
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	switch name := filepath.Base(os.Args[0]); name {
	case "argocd-application-controller":
		run(controller.NewCommand())
	case "argocd-repo-server":
		run(reposerver.NewCommand())
	case "argocd-applicationset-controller":
		run(applicationset.NewCommand())
	case "argocd-git-ask-pass":
		run(askpass.NewCommand())
	case "redis":
		serveRedis(os.Args[1:])
	case "git-verify-wrapper.sh":
	default:
		fail("argocd: no part is called %q", name)
	}
}

func run(command *cobra.Command) {
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}

// serveRedis answers on the given address until it is told to stop.
func serveRedis(args []string) {
	if len(args) != 1 {
		fail("usage: redis ADDRESS")
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(args[0]); err != nil {
		fail("redis: %v", err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	server.Close()
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(2)
}
