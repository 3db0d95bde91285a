-- Stops the polls of the job. The status stays as it is.
obj.spec.suspend = true
return obj
