"""Side by side with peers: the same work done by Windrow and otherwise, in one run on one machine."""
