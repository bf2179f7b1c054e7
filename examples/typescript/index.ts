import * as pulumi from "@pulumi/pulumi";
import * as byodkim from "@pulumi/byodkim";

const dnsResolvers = new pulumi.Config().getObject<string[]>("dnsResolvers");

const sender = new byodkim.Domain("example.com", { generation: 1, wait: true, dnsResolvers });

export const { selector, statuses } = sender;
