// Visualizer serves a page that shows a swarm: its nodes, and where each task runs.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	address = ":9000"
	socket  = "/var/run/docker.sock"
	// The page waits for 6 s: it is to hear what the engine's trouble is.
	patience = 5 * time.Second
	// Docker kills a container 10 s after its stop signal.
	drain = 8 * time.Second
)

//go:embed page
var files embed.FS

func main() {
	check := flag.Bool("check", false, "ask the server of this container for its health, then exit")
	flag.Parse()
	if *check {
		os.Exit(health("http://localhost" + address))
	}
	if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func serve() error {
	page, err := fs.Sub(files, "page")
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler(page, newEngine(socket)), ReadHeaderTimeout: 5 * time.Second}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-stop.Done():
		limit, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		return server.Shutdown(limit)
	}
}

func handler(page fs.FS, source *engine) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.FS(page)))
	mux.HandleFunc("/api/state", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		seen, err := source.look(ctx)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			answer(w, map[string]string{"error": err.Error()})
			return
		}
		answer(w, arrange(seen))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, body any) {
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err) // the reader has gone
	}
}

// health tells of the server alone: to start it anew would not mend the engine.
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
