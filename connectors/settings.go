package connectors

// SettingsError is what a source or sink says of settings that cannot work with the system they name: a topic that is not there, a time-out that
// the brokers refuse. It is a mistake of the user, which no other try mends.
type SettingsError struct{ Err error }

// Error is that of the mistake.
func (e *SettingsError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *SettingsError) Unwrap() error { return e.Err }
