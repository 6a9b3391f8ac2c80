"""Reports: figures for those who must prove them, and the bundles that prove themselves."""
