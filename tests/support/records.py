"""A record set in the sandbox's Route 53, as anybody makes or removes it."""


def change(sandbox, zone_id, action, name, *values, kind="TXT", ttl=300, **more):
    records = [{"Value": value} for value in values]
    record_set = {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": records, **more}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
    sandbox.route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
