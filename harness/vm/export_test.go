package vm

// SetPlain has the keeper live without a process-id namespace.
func SetPlain(o *Options, plain bool) { o.plain = plain }
