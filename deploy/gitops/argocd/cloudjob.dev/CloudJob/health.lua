-- Health of a CloudJob, from three conditions. Ready is True when the CloudJob has reached what spec.readyWhen says.
-- Stalled is True when the job has failed or somebody has to act. Suspended is True when spec.suspend is set.
local health = { status = "Progressing", message = "Waiting for the CloudJob operator to observe this object" }

-- A status of an older spec does not count. A new object has -1.
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
