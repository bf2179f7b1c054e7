// A sending domain, and then that of a customer, whose DNS is not ours.
using System.Collections.Generic;
using Pulumi;
using Pulumi.Byodkim;
using Pulumi.Byodkim.Inputs;

return await Deployment.RunAsync(() =>
{
    var sender = new Domain("example.com", new DomainArgs
    {
        Generation = 1, // 2 rotates the key
        KeyStore = "secretsManager",
        Wait = true, // what depends on the domain is made after SES has verified it
    });

    var customer = new Domain("shop.example", new DomainArgs
    {
        Generation = 1,
        Dns = new DnsSettingsArgs { Provider = "route53", Zone = "keys.example.net", Cname = "ses" },
    }, new ComponentResourceOptions { DependsOn = sender });

    return new Dictionary<string, object?>
    {
        ["selector"] = sender.Selector,
        ["statuses"] = sender.Statuses,
        ["cnames"] = customer.Cnames, // the customer adds them once
    };
});
