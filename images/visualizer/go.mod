module visualizer

go 1.19
