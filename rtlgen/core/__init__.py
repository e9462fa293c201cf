"""What every layer shares: types, errors, settings, registry, store and events; imports no other layer."""
