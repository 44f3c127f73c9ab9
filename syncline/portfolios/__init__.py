"""Wallets' portfolios: what each holds on each chain, and what that is worth."""
