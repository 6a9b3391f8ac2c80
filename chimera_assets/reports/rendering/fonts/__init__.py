"""The fonts of PDFs: which there are, what they can draw, and what is shown where none can."""

from chimera_assets.reports.rendering.fonts.installed import families, folders, loaded
from chimera_assets.reports.rendering.fonts.printable import drawable, visible

__all__ = ["drawable", "families", "folders", "loaded", "visible"]
