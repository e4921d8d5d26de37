// Echo answers every request with a greeting, and says in headers which replica did, and of which version.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	version  = "1.0"
	address  = ":8080"
	greeting = "Hello Docker!!"
	// Balancers ask Docker's DNS every half second: so long they may still send requests to a replica that is to stop.
	grace = 1500 * time.Millisecond
	// Docker kills a container 10 s after its stop signal.
	drain = 8 * time.Second
)

func main() {
	check := flag.Bool("check", false, "ask the server of this container for its health, then exit")
	flag.Parse()
	if *check {
		os.Exit(health("http://localhost" + address))
	}
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

func handler(hostname string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Served-By", hostname)
		w.Header().Set("X-Version", version)
		fmt.Fprintln(w, greeting)
	})
}

func serve() error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler(hostname), ReadHeaderTimeout: 5 * time.Second}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
		return finish(server)
	}
}

// finish lets the balancers notice, then ends when the requests that are under way have been answered.
func finish(server *http.Server) error {
	server.SetKeepAlivesEnabled(false) // every answer from now on asks its client to connect anew, elsewhere
	time.Sleep(grace)
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}

func health(url string) int {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get(url)
	if err != nil {
		return 1
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}
