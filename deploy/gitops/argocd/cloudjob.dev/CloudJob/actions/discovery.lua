-- What the menu of a CloudJob offers. A suspended job is not looked at, so there is nothing to refresh.
local suspended = obj.spec.suspend == true
return {
  refresh = { disabled = suspended },
  suspend = { disabled = suspended },
  resume = { disabled = not suspended },
}
