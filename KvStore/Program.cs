return await FeedMall.ServiceDefaults.ServiceRunner.RunAsync(FeedMall.KvStore.KvApp.BuildAlone, args, Console.Error);
