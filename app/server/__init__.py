"""The HTTP server itself: its listening socket, its limits on connections, its logs, and the order of stopping."""
