-- Health of a CloudJob. Ready, Stalled and Suspended tell all there is to know: Ready is True when what the object
-- was made for has happened (spec.readyWhen), and Stalled is there when somebody has to act.
local health = { status = "Progressing", message = "Waiting for the CloudJob operator to look at this object" }

-- What is said of an older spec does not count. A fresh object starts with -1.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  conditions[condition.type] = condition
end

if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  health.status = "Degraded"
elseif conditions.Ready ~= nil and conditions.Ready.status == "True" then
  health.status = "Healthy"
elseif conditions.Suspended ~= nil and conditions.Suspended.status == "True" then
  health.status = "Suspended"
end
health.message = obj.status.message or health.message
return health
