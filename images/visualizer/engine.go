package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// engine asks a Docker engine over its unix socket.
type engine struct{ client http.Client }

func newEngine(socket string) *engine {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &engine{http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// get asks without a version of the API: the engine answers in its own, and newer ones refuse older versions.
func (e *engine) get(ctx context.Context, path string, query url.Values, into any) error {
	address := url.URL{Scheme: "http", Host: "engine", Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return plain(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var said struct{ Message string }
		_ = json.NewDecoder(response.Body).Decode(&said) // without a message the status still says something
		return fmt.Errorf("%s: %s %s", path, response.Status, said.Message)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// plain leaves out the URL, which says nothing to who reads the page.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %v", patience)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// What follows are the parts of the engine's answers that are shown.

type engineNode struct {
	ID   string
	Spec struct {
		Role         string
		Availability string
	}
	Description   struct{ Hostname string }
	Status        struct{ State string }
	ManagerStatus *struct{ Leader bool }
}

type engineService struct {
	ID   string
	Spec struct{ Name string }
}

type engineTask struct {
	ID        string
	ServiceID string
	NodeID    string
	Slot      int
	Status    struct {
		State string
		Err   string
	}
	Spec struct{ ContainerSpec struct{ Image string } }
}

type swarm struct {
	nodes    []engineNode
	services []engineService
	tasks    []engineTask
}

// look reads the swarm from an engine that manages it.
func (e *engine) look(ctx context.Context) (swarm, error) {
	var seen swarm
	if err := e.get(ctx, "/nodes", nil, &seen.nodes); err != nil {
		return seen, err
	}
	if err := e.get(ctx, "/services", nil, &seen.services); err != nil {
		return seen, err
	}
	running := url.Values{"filters": {`{"desired-state":["running"]}`}}
	return seen, e.get(ctx, "/tasks", running, &seen.tasks)
}
