// Dimensions, numeric classes, programs and element formats are part of the language: an operator's
// author imports `Tiles` alone.
@_exported import Formats
@_exported import TileIR
