"""What an operator does: to the cluster, to nodes, images, stacks and services."""
