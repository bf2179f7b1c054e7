// A sending domain, and then that of a customer, whose DNS is not ours.
import * as byodkim from "@pulumi/byodkim";

const sender = new byodkim.Domain("example.com", {
    generation: 1, // 2 rotates the key
    keyStore: "secretsManager",
    wait: true, // what depends on the domain is made after SES has verified it
});

const customer = new byodkim.Domain("shop.example", {
    generation: 1,
    dns: { provider: "route53", zone: "keys.example.net", cname: "ses" },
}, { dependsOn: sender });

export const selector = sender.selector;
export const statuses = sender.statuses;
export const cnames = customer.cnames; // the customer adds them once
