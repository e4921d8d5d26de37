package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

var answers = map[string]string{
	"/nodes": `[
		{"ID": "w", "Spec": {"Role": "worker", "Availability": "drain"}, "Description": {"Hostname": "alpha"}, "Status": {"State": "down"}},
		{"ID": "m", "Spec": {"Role": "manager", "Availability": "active"}, "Description": {"Hostname": "omega"},
		 "Status": {"State": "ready"}, "ManagerStatus": {"Leader": true}}]`,
	"/services": `[{"ID": "s", "Spec": {"Name": "<b>web</b>"}}]`,
	"/tasks": `[
		{"ServiceID": "s", "NodeID": "m", "Slot": 10, "Status": {"State": "running"},
		 "Spec": {"ContainerSpec": {"Image": "registry:5000/echo:1.0@sha256:01"}}},
		{"ServiceID": "s", "NodeID": "m", "Slot": 2, "Status": {"State": "preparing"}},
		{"ServiceID": "s", "Slot": 3, "Status": {"State": "pending", "Err": "no suitable node"}},
		{"ServiceID": "removed", "NodeID": "m", "Slot": 1, "Status": {"State": "running"}}]`,
}

// ask is /api/state before an engine that answers what it is told to.
func ask(t *testing.T, engine http.HandlerFunc) (int, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: engine}}
	server.Start()
	t.Cleanup(server.Close)
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/api/state", nil)
	handler(fstest.MapFS{}, newEngine(socket)).ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.String()
}

func TestNodesHaveTheirTasksInOrder(t *testing.T) {
	code, body := ask(t, func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(answers[r.URL.Path])) })
	var got state
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK {
		t.Fatal(code, body, err)
	}
	manager, worker := got.Nodes[0], got.Nodes[1]
	if manager.Name != "omega" || !manager.Leader || worker.Name != "alpha" || worker.State != "down" {
		t.Errorf("nodes: %+v", got.Nodes)
	}
	if len(manager.Tasks) != 2 || manager.Tasks[0].Slot != 2 || manager.Tasks[1].Image != "echo:1.0" {
		t.Errorf("tasks: %+v", manager.Tasks)
	}
	if len(got.Unplaced) != 1 || got.Unplaced[0].Error != "no suitable node" {
		t.Errorf("unplaced: %+v", got.Unplaced)
	}
	if strings.Contains(body, "<b>") {
		t.Errorf("markup in %s", body)
	}
}

func TestAnEmptySwarmHasEmptyLists(t *testing.T) {
	_, body := ask(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("[]")) })
	if body != "{\"nodes\":[],\"unplaced\":[]}\n" {
		t.Error(body)
	}
}

func TestWhatTheEngineRefusesIsSaid(t *testing.T) {
	code, body := ask(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte(`{"message": "This node is not a swarm manager."}`))
	})
	if code != http.StatusBadGateway || !strings.Contains(body, "not a swarm manager") {
		t.Error(code, body)
	}
}
