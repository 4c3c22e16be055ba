"""Calls of what lies outside of the process, and servers in it, each for one client."""
