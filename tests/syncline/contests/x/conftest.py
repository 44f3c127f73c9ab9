from support.loopback import box, connect, serve

__all__ = ["box", "connect", "serve"]
