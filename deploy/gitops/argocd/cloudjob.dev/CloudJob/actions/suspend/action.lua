-- Stops asking the cloud about the job; what is known of it stays.
obj.spec.suspend = true
return obj
