// Visualizer serves a page that shows a swarm: its nodes, and where each task runs.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
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
)

//go:embed page
var files embed.FS

func main() {
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
		limit, cancel := context.WithTimeout(context.Background(), 3*time.Second)
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
		seen, err := source.look(r.Context())
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
