package main

import (
	"sort"
	"strings"
)

// state is what the page shows, the answer of /api/state.
type state struct {
	Nodes    []node `json:"nodes"`
	Unplaced []task `json:"unplaced"`
}

type node struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Role         string `json:"role"`
	Leader       bool   `json:"leader"`
	Availability string `json:"availability"`
	State        string `json:"state"`
	Tasks        []task `json:"tasks"`
}

// task is one that should run. Slot is 0 for a task of a global service.
type task struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	Slot    int    `json:"slot"`
	State   string `json:"state"`
	Image   string `json:"image"`
	Error   string `json:"error,omitempty"`
}

// arrange puts each task to its node: managers first, then by name.
func arrange(seen swarm) state {
	names := map[string]string{}
	for _, service := range seen.services {
		names[service.ID] = service.Spec.Name
	}
	byNode := map[string][]task{}
	for _, one := range seen.tasks {
		if name, known := names[one.ServiceID]; known { // the tasks of a removed service linger
			byNode[one.NodeID] = append(byNode[one.NodeID], describe(one, name))
		}
	}
	all := state{Nodes: []node{}, Unplaced: sorted(byNode[""])}
	for _, one := range seen.nodes {
		all.Nodes = append(all.Nodes, node{
			ID:           one.ID,
			Name:         one.Description.Hostname,
			Role:         one.Spec.Role,
			Leader:       one.ManagerStatus != nil && one.ManagerStatus.Leader,
			Availability: one.Spec.Availability,
			State:        one.Status.State,
			Tasks:        sorted(byNode[one.ID]),
		})
	}
	sort.Slice(all.Nodes, func(i, j int) bool {
		a, b := all.Nodes[i], all.Nodes[j]
		if a.Role != b.Role {
			return a.Role == "manager"
		}
		if a.Name != b.Name {
			return a.Name < b.Name
		}
		return a.ID < b.ID
	})
	return all
}

func describe(one engineTask, service string) task {
	return task{one.ID, service, one.Slot, one.Status.State, short(one.Spec.ContainerSpec.Image), one.Status.Err}
}

// short is an image without its registry and digest: echo:1.0.
func short(image string) string {
	name, _, _ := strings.Cut(image, "@")
	return name[strings.LastIndex(name, "/")+1:]
}

func sorted(tasks []task) []task {
	sort.Slice(tasks, func(i, j int) bool {
		a, b := tasks[i], tasks[j]
		if a.Service != b.Service {
			return a.Service < b.Service
		}
		if a.Slot != b.Slot {
			return a.Slot < b.Slot
		}
		return a.ID < b.ID
	})
	return append([]task{}, tasks...)
}
