"""What the kernels of notebooks and the Python of drivers, both ipykernels, have in common."""
