"""Dynamic resources, one a file: the provider beside its resource."""
