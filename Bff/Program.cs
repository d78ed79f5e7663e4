return await FeedMall.ServiceDefaults.ServiceRunner.RunAsync(FeedMall.Bff.BffApp.Build, args, Console.Error);
