@_exported public import RivuletContract
