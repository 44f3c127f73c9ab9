from support.loopback import box, connect, erp, serve

__all__ = ["box", "connect", "erp", "serve"]
