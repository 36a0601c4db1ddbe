"""Callbacks and loggers for the libraries that people train with; each module needs its library when it is imported."""
