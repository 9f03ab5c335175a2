@_exported public import RivuletSubscriptions
@_exported public import RivuletWire
