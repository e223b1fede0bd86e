"""The addresses of the Livy server, one router a resource."""
