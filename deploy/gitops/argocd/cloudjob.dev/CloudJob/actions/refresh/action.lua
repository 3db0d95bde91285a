-- Requests a poll of the cloud job now.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["cloudjob.dev/requestedAt"] = os.date("!%Y-%m-%dT%XZ")
return obj
