"""Start, check and stop processes on the machine or the cluster."""
