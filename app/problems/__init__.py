"""Every error that a client can see, as RFC 9457 problem documents."""
