-- The actions in the menu of a CloudJob. A suspended job is not polled, so it cannot be refreshed.
local suspended = obj.spec.suspend == true
return {
  refresh = { disabled = suspended },
  suspend = { disabled = suspended },
  resume = { disabled = not suspended },
}
