"""Somebody is told, by real servers on this machine."""
