PROJECTS = (
    "Meridian", "Halyard", "Kestrel", "Oxbow", "Tessera", "Quillon", "Saltmarsh", "Umbra", "Verdigris", "Wayfare",
    "Lodestar", "Fathom", "Juniper", "Cinder", "Basalt", "Harbinger",
)  # fmt: skip
CHAINS = ("Ethereum", "Arbitrum", "Base", "Optimism", "Polygon", "Solana", "BSC", "Avalanche")
TOKENS = ("MRD", "HLY", "KST", "OXB", "TSR", "QLN", "SLT", "UMB", "VRD", "WAY", "LOD", "FTM")
STABLECOINS = ("USDC", "USDT", "DAI", "FRAX", "LUSD")
COINS = ("WETH", "STETH", "WBTC", "ARB", "OP", "MATIC", "SOL", "AVAX")
PEOPLE = ("ada", "bo", "chidi", "dara", "emre", "fenna", "goran", "hana")
DEEDS = ("Bridge", "Swap", "Stake", "Vote", "Mint", "Lend", "Refer a friend", "Provide liquidity")
