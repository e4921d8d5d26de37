package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestAnAbsentEngineIsSaidWithoutTheURL(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "engine")
	recorder := httptest.NewRecorder()
	handler(fstest.MapFS{}, newEngine(absent)).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/api/state", nil))
	want := `{"error":"dial unix ` + absent + `: connect: no such file or directory"}` + "\n"
	if recorder.Code != http.StatusBadGateway || recorder.Body.String() != want {
		t.Error(recorder.Code, recorder.Body)
	}
}

func TestHealthIsThatOfTheServer(t *testing.T) {
	page := fstest.MapFS{"index.html": &fstest.MapFile{Data: []byte("page")}}
	server := httptest.NewServer(handler(page, newEngine("absent")))
	if got := health(server.URL); got != 0 {
		t.Errorf("%d of a server that answers", got)
	}
	server.Close()
	if got := health(server.URL); got != 1 {
		t.Errorf("%d of a server that has gone", got)
	}
}
